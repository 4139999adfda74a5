/** Which images of the grid are selected. The corrections act on all of them at once. */

/** Fires `changed` after each change. */
export class Selection extends EventTarget {
  #ids = new Set();
  /** The index of the image from which a range begins. */
  #anchor = 0;

  has({ id }) {
    return this.#ids.has(id);
  }

  get size() {
    return this.#ids.size;
  }

  /** The selected images among these. */
  of(images) {
    return images.filter((image) => this.has(image));
  }

  toggle(images, index) {
    const { id } = images[index];
    if (!this.#ids.delete(id)) this.#ids.add(id);
    this.#anchor = index;
    this.#changed();
  }

  /** Lets the next range begin at this image. */
  begin(index) {
    this.#anchor = index;
  }

  /** Selects the images between the one where the range begins and this one, and no others. */
  extend(images, index) {
    const [first, last] = [Math.min(this.#anchor, index), Math.max(this.#anchor, index)];
    this.#ids = new Set(images.slice(first, last + 1).map(({ id }) => id));
    this.#changed();
  }

  all(images) {
    this.#ids = new Set(images.map(({ id }) => id));
    this.#changed();
  }

  clear() {
    if (this.#ids.size === 0) return;
    this.#ids.clear();
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("changed"));
  }
}
