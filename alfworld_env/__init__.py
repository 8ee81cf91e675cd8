"""ALFWorld and household text games behind one contract; knows nothing of models or messages."""
