"""Pictures of data, training and networks."""
