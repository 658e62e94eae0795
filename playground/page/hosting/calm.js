// Gradio's signs of waiting count seconds by one frame of the page after the other, and the one that
// says "Loading …" at first never stops (6.31): 60 frames a second for ever. This page shows none of
// these seconds, so they ask for no frames. It has to be said before gradio's own scripts begin.
{
  const counts = /performance\.now\(\)-.+\/1e3/;
  const frame = window.requestAnimationFrame.bind(window);
  window.requestAnimationFrame = (work) => (counts.test(work) ? 0 : frame(work));
}
