// Hands a file that has arrived to the browser's own saving.
function show() {
  const value = props.value;
  if (!value) return;
  element.querySelector('.saved').textContent = value.text;
  if (!value.content) return;
  const url = URL.createObjectURL(new Blob([bytes(value.content)]));
  Object.assign(document.createElement('a'), { href: url, download: value.name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}
watch('value', show);
