"""How `pulumi up` runs where the Pulumi CLI can't be had."""

import os

# gRPC reads this when it is loaded; otherwise it tells the user of every connection that ends.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
