"""What a study is made of: its folder, its dataset, its folds, its preset."""
