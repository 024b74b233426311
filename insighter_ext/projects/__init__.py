"""Projects: the home of every asset, and the folder that belongs to each."""
