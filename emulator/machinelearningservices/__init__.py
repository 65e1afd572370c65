"""Microsoft.MachineLearningServices: hubs, projects, assets, jobs, endpoints, data plane."""
