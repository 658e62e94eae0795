  // ---- begin ----------------------------------------------------------------------------------------------
  tell("typed", loaded);
  frame(loaded[NAMES.length]);
  showStrip();
  return arrive();  // when it is known what is drawn first
