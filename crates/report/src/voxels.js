'use strict';

// Unpacking, slicing and outlining of a case's voxels, which are packed as
// `embed.rs` describes: image, reference and prediction, one byte each, x fastest.

/** Decodes a zlib stream encoded in base64. */
async function unpack(base64) {
  const text = atob(base64);
  const packed = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) packed[i] = text.charCodeAt(i);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Returns the volumes of a case; the image is stored as differences. */
function volumes(bytes, count) {
  const image = bytes.subarray(0, count);
  for (let i = 1; i < count; i++) image[i] += image[i - 1]; // modulo 256
  return {
    image,
    reference: bytes.subarray(count, 2 * count),
    prediction: bytes.subarray(2 * count),
  };
}

/** Returns one slice of a volume as rows from the top, each from left to right. */
function cut(volume, [nx, ny, nz], plane, index) {
  const sides = [nx, ny, nz];
  const strides = [1, nx, nx * ny];
  const walk = ({ axis, reversed }) => ({
    count: sides[axis],
    start: reversed ? (sides[axis] - 1) * strides[axis] : 0,
    stride: reversed ? -strides[axis] : strides[axis],
  });
  const across = walk(plane.across);
  const down = walk(plane.down);
  const slice = new Uint8Array(across.count * down.count);
  let at = 0;
  for (let row = 0; row < down.count; row++) {
    let voxel = index * strides[plane.axis] + across.start + down.start + row * down.stride;
    for (let column = 0; column < across.count; column++, voxel += across.stride) {
      slice[at++] = volume[voxel];
    }
  }
  return { values: slice, width: across.count, height: down.count };
}

/**
 * Returns the outline of a label along pixel edges, scaled to the canvas. Edges are
 * joined end to end, clockwise around the label, so that a dash pattern continues.
 */
function outline({ values, width, height }, label, scaleX, scaleY) {
  const inside = (x, y) =>
    x >= 0 && y >= 0 && x < width && y < height && values[y * width + x] === label;
  const corner = (x, y) => y * (width + 1) + x;
  const next = new Map();
  const edge = (from, to) => {
    if (!next.has(from)) next.set(from, []);
    next.get(from).push(to);
  };
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (values[y * width + x] !== label) continue;
      if (!inside(x, y - 1)) edge(corner(x, y), corner(x + 1, y));
      if (!inside(x + 1, y)) edge(corner(x + 1, y), corner(x + 1, y + 1));
      if (!inside(x, y + 1)) edge(corner(x + 1, y + 1), corner(x, y + 1));
      if (!inside(x - 1, y)) edge(corner(x, y + 1), corner(x, y));
    }
  }
  const path = new Path2D();
  const place = (at) => [(at % (width + 1)) * scaleX, Math.floor(at / (width + 1)) * scaleY];
  for (const start of next.keys()) {
    while (next.get(start).length > 0) {
      path.moveTo(...place(start));
      let at = start;
      do {
        at = next.get(at).pop();
        path.lineTo(...place(at));
      } while (at !== start);
      path.closePath();
    }
  }
  return path;
}
