"""What would have to be done: what specs ask for, held against what is there in Azure."""
