"""How each kind of network is asked: one small file a family."""
