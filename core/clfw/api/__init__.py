"""What plugin authors import: components, hooks, parameters, tasks, sources, preprocessing, reports."""
