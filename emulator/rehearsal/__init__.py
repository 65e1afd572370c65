"""Everything round an emulated cloud: ports, certificates, identities, a child's environment."""
