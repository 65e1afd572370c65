"""What is there in Azure, and how to get to it: nothing here changes anything."""
