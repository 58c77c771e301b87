
// The slice viewer, which replaces a case's still pictures by a canvas
// for each plane, with slider, window, contours and colors of classes.

/** Returns a color of the style sheet as red, green and blue. */
function color(name) {
  const hex = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

/** A case on the page: its volumes, its intensity window and its panels. */
class Viewer {
  constructor(article, info, bytes) {
    this.article = article;
    this.info = info;
    this.volumes = volumes(bytes, info.shape.reduce((a, b) => a * b));
    this.find = (selector) => article.querySelector(selector);
    this.classes = [...article.querySelectorAll('.class')];
    // Further channels have planes too, which stay still.
    this.panels = [...article.querySelectorAll(':scope > .planes > figure')].map(
      (figure, place) => new Panel(this, figure, info.planes[place]),
    );
  }

  start() {
    const redraw = () => this.draw();
    const setWindow = () => {
      this.window = { width: Number(this.find('.width').value), level: Number(this.find('.level').value) };
      this.showWindow();
    };
    this.find('.width').addEventListener('input', setWindow);
    this.find('.level').addEventListener('input', setWindow);
    this.find('.reset').addEventListener('click', () => this.resetWindow());
    this.find('.fill').addEventListener('change', redraw);
    for (const box of this.article.querySelectorAll('[type=checkbox]')) box.addEventListener('change', redraw);
    for (const panel of this.panels) panel.start();
    this.resetWindow();
    this.find('.controls').hidden = false;
  }

  /** Puts the still pictures back. */
  stop() {
    for (const panel of this.panels) panel.stop();
    this.find('.controls').hidden = true;
  }

  /** Resets window and level, which count in bytes of the stored image and are displayed in the image's own units. */
  resetWindow() {
    const byte = (value) => (this.info.step > 0 ? (value - this.info.low) / this.info.step : 0);
    const [low, high] = this.info.window.map(byte);
    this.window = { width: Math.max(high - low, 1), level: (low + high) / 2 };
    this.showWindow();
  }

  changeWindow(width, level) {
    const within = (value, low, high) => Math.min(Math.max(value, low), high);
    this.window = {
      width: within(this.window.width + width, 1, 255),
      level: within(this.window.level + level, 0, 255),
    };
    this.showWindow();
  }

  showWindow() {
    const { low, step } = this.info;
    const digits = step > 0 ? Math.max(0, 2 - Math.floor(Math.log10(255 * step))) : 2;
    const show = (selector, value, byte) => {
      const slider = this.find(selector);
      slider.value = byte;
      slider.nextElementSibling.value = value.toFixed(digits);
      slider.setAttribute('aria-valuetext', value.toFixed(digits));
    };
    show('.width', this.window.width * step, this.window.width);
    show('.level', low + this.window.level * step, this.window.level);
    this.draw();
  }

  draw() {
    for (const panel of this.panels) panel.draw();
  }

  /** Returns the gray value for every byte of the image. */
  grays() {
    const { width, level } = this.window;
    return Uint8ClampedArray.from({ length: 256 }, (_, byte) => (255 * (byte - level)) / width + 127.5);
  }

  shownClasses() {
    return this.classes.filter((box) => box.checked);
  }

  shownLayers() {
    return ['reference', 'prediction'].filter((name) => this.find(`[data-layer=${name}]`).checked);
  }
}

/** One plane of a case, with its slider. */
class Panel {
  constructor(viewer, figure, plane) {
    Object.assign(this, { viewer, plane });
    this.slider = figure.querySelector('.slider');
    this.place = figure.querySelector('output');
    this.still = figure.querySelector('.slice');
    this.canvas = document.createElement('canvas');
    this.canvas.setAttribute('role', 'img');
    this.canvas.setAttribute('aria-label', this.still.getAttribute('aria-label'));
    this.canvas.style.aspectRatio = this.still.getAttribute('viewBox').split(' ').slice(2).join('/');
  }

  start() {
    this.still.replaceWith(this.canvas);
    this.slider.value = this.plane.middle; // browsers restore the value of an earlier visit
    this.slider.hidden = false;
    this.slider.addEventListener('input', () => this.draw());
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    let turned = 0;
    this.canvas.addEventListener('wheel', (event) => {
      if (event.ctrlKey) return; // the page is being zoomed
      turned += event.deltaY;
      const before = this.slider.value;
      if (Math.abs(turned) >= 40) {
        this.slider.value = Number(before) + Math.sign(turned);
        turned = 0;
        if (this.slider.value === before) return; // past the last slice the page scrolls on
        this.draw();
      }
      event.preventDefault();
    }, { passive: false });
    this.canvas.addEventListener('pointerdown', (event) => {
      if (event.pointerType !== 'touch') this.canvas.setPointerCapture(event.pointerId);
    });
    this.canvas.addEventListener('pointermove', (event) => {
      if (this.canvas.hasPointerCapture(event.pointerId)) {
        this.viewer.changeWindow(event.movementX / 2, event.movementY / 2);
      }
    });
  }

  stop() {
    this.canvas.replaceWith(this.still);
    this.slider.hidden = true;
  }

  draw() {
    const { viewer, plane, canvas } = this;
    const index = Number(this.slider.value);
    this.say(index);
    const ratio = window.devicePixelRatio || 1;
    canvas.width = Math.max(1, Math.round(canvas.clientWidth * ratio));
    canvas.height = Math.max(1, Math.round(canvas.clientHeight * ratio));
    const slice = (name) => cut(viewer.volumes[name], viewer.info.shape, plane, index);
    const image = slice('image');
    const context = canvas.getContext('2d');
    context.imageSmoothingQuality = 'high';
    context.drawImage(this.picture(image, slice), 0, 0, canvas.width, canvas.height);
    for (const layer of viewer.shownLayers()) {
      this.contour(context, slice(layer), layer, ratio);
    }
  }

  /** Returns a canvas of the gray values with the colors of classes over them. */
  picture(image, slice) {
    const { viewer } = this;
    const grays = viewer.grays();
    const filled = viewer.find('.fill').value;
    const labels = filled ? slice(filled).values : null;
    const colors = new Map(
      viewer.shownClasses().map((box) => [Number(box.value), color(box.dataset.color)]),
    );
    const pixels = new ImageData(image.width, image.height);
    image.values.forEach((byte, at) => {
      const gray = grays[byte];
      const over = labels && colors.get(labels[at]);
      for (let channel = 0; channel < 3; channel++) {
        pixels.data[4 * at + channel] = over ? 0.55 * gray + 0.45 * over[channel] : gray;
      }
      pixels.data[4 * at + 3] = 255;
    });
    const small = new OffscreenCanvas(image.width, image.height);
    small.getContext('2d').putImageData(pixels, 0, 0);
    return small;
  }

  contour(context, labels, layer, ratio) {
    const [scaleX, scaleY] = [this.canvas.width / labels.width, this.canvas.height / labels.height];
    context.strokeStyle = `rgb(${color('--' + layer).join(' ')})`;
    context.lineWidth = 2 * ratio;
    context.setLineDash(layer === 'prediction' ? [5 * ratio, 4 * ratio] : []);
    for (const box of this.viewer.shownClasses()) {
      context.stroke(outline(labels, Number(box.value), scaleX, scaleY));
    }
  }

  say(index) {
    const { plane } = this;
    const axis = 'xyz'[plane.world];
    const position = (plane.first_mm + index * plane.step_mm).toFixed(1);
    const text = `slice ${plane.numbers[index]} of ${plane.total}, ${axis} = ${position} mm`;
    this.place.value = text;
    this.slider.setAttribute('aria-valuetext', text);
  }
}

async function view(article) {
  const info = JSON.parse(article.querySelector('.info').textContent);
  const packed = article.querySelector('.voxels');
  const bytes = await unpack(packed.textContent);
  packed.remove();
  const viewer = new Viewer(article, info, bytes);
  try {
    viewer.start();
  } catch (error) {
    viewer.stop();
    throw error;
  }
}

for (const article of document.querySelectorAll('.case')) {
  view(article).catch((error) => {
    const note = document.createElement('p');
    note.className = 'note';
    note.textContent = `This browser cannot show the slices one by one (${error.message}); the pictures above are still.`;
    article.append(note);
  });
}
