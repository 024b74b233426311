"""Activity: what happened in a project, what people say about its assets, and what of it is for somebody."""
