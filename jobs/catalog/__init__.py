"""What is known of models, regions, lifecycles and prices, each row with its source."""
