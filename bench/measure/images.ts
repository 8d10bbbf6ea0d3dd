// What lies behind the URL of a cell: a generated raw image, which takes no room, or a qcow2 file that
// qemu-img has made of text. Files are made once and live in the bench's directory.

import { rmSync } from 'node:fs'
import { digestOfFile, digestOfImage } from '../digest.js'
import { qcow2Of, writeText } from '../qcow2-images.js'
import { FileImage } from '../slow-server/file-image.js'
import { GeneratedImage, type Image } from '../slow-server/image.js'

/** `qcow2-compressed` has every cluster compressed. */
export type ImageKind = 'raw' | 'qcow2' | 'qcow2-compressed'

/** An image, as it is served and as a copy of it must be. */
export interface Content {
  /** The bytes behind the URL. */
  readonly image: Image
  /** What the slow server is told. */
  readonly served: { readonly size: number } | { readonly file: string }
  /** Bytes of the disk. */
  readonly size: number
  /** SHA-256 of the disk's content; made when it is first asked for. */
  readonly digest: () => string
}

/** Images by kind and size of the disk. Must be disposed of. */
export class Images implements Disposable {
  readonly #directory: string
  readonly #made = new Map<string, Content & { readonly image: Image & Partial<Disposable> }>()

  /** @param directory - where files go; the caller removes it */
  constructor(directory: string) {
    this.#directory = directory
  }

  /** @throws Error if qemu-img can't make it */
  get(kind: ImageKind, size: number): Content {
    const name = `${kind}-${size}`
    let content = this.#made.get(name)
    if (content === undefined) {
      content = kind === 'raw' ? rawContent(size) : this.#qcow2(kind, size)
      this.#made.set(name, content)
    }
    return content
  }

  [Symbol.dispose](): void {
    for (const { image } of this.#made.values()) image[Symbol.dispose]?.()
    this.#made.clear()
  }

  #qcow2(kind: Exclude<ImageKind, 'raw'>, size: number): Content {
    const raw = `${this.#directory}/content-${size}.raw`
    const file = `${this.#directory}/${kind}-${size}.qcow2`
    writeText(raw, size)
    try {
      const digest = digestOfFile(raw, size)
      qcow2Of(raw, file, kind === 'qcow2-compressed')
      return { image: new FileImage(file), served: { file }, size, digest: () => digest }
    } finally {
      rmSync(raw, { force: true })
    }
  }
}

function rawContent(size: number): Content {
  const image = new GeneratedImage({ size })
  let digest: string | undefined
  return { image, served: { size }, size, digest: () => (digest ??= digestOfImage(image)) }
}

/** A raw image in a file. */
export function fileContent(image: FileImage): Content {
  const { path, size } = image
  let digest: string | undefined
  return {
    image,
    served: { file: path },
    size,
    digest: () => (digest ??= digestOfFile(path, size)),
  }
}
