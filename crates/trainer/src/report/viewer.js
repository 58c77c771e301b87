for (const slider of document.querySelectorAll('.planes input')) {
  const figure = slider.closest('figure');
  const slices = figure.querySelectorAll('.slice');
  slider.addEventListener('input', () => {
    slices.forEach((slice, place) => slice.toggleAttribute('hidden', place !== Number(slider.value)));
    figure.querySelector('output').value = slices[slider.value].dataset.index;
  });
}
