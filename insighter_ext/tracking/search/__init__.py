"""MLflow's filter strings and order-by clauses, read into a small tree that the database makes its query from."""
