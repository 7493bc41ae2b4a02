"""`python -m affect_client.cli`, where the script `affect` is not on the path."""

from affect_client.cli import main

main()
