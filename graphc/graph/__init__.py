"""What an expression is: types, nodes, origins, walks and trees."""
