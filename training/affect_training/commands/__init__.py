"""One module for each command or pair of commands; `cli` loads the one that is called."""
