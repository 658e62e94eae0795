  // ---- begin ----------------------------------------------------------------------------------------------
  tell("typed", loaded);
  frame(loaded[NAMES.length]);
  showStrip();
  arrive();
