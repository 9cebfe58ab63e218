"""The Handlebars language: text is parsed to a tree, whitespace settled, and the tree compiled to closures."""
