/**
 * Captures in their file: each piece of text once, redacted, compressed, sealed. Runs in the thread of the captures, and in the
 * command line where no Signalbox runs.
 */
import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { piecesOf } from '#domain/dialect/body-pieces.ts'
import { redactAnswer } from '#domain/dialect/redact-stream.ts'
import { CREDENTIAL_FORMS, redact } from '#domain/redaction.ts'
import { unusable } from '#infra/captures/capture-failure.ts'
import type { CaptureFile } from '#infra/captures/capture-file.ts'
import { packList, unpackList } from '#infra/captures/chunk-list.ts'

/** One request with its answer. */
export interface Capture {
  readonly requestId: string
  /** Epoch ms of its end. */
  readonly at: number
  /** What the client got; null: nothing. */
  readonly status: number | null
  /** The answer went out to its end. */
  readonly complete: boolean
  readonly request: Uint8Array
  /** As it was sent, without its headers. */
  readonly answer: Uint8Array
}

export interface StoredCapture extends Capture {
  /** Credentials that were replaced. */
  readonly redactions: number
}

export interface CaptureStore {
  readonly store: (capture: Capture) => void
  readonly read: (requestId: string) => StoredCapture | undefined
  /** Removes what ended before a time (epoch ms), then the oldest until the file is small enough; answers how many. */
  readonly prune: (before: number, maxBytes: number) => number
  /** Bytes that are in use. */
  readonly usedBytes: () => number
}

/** A piece of text as it is kept. */
interface Piece {
  readonly digest: Buffer
  /** Credentials that were replaced in it. */
  readonly found: number
}

interface ChunkRow {
  readonly id: number
  /** Null, as `data`, in a file that a disk has broken. */
  readonly digest: Buffer | null
  readonly packed: number
  readonly data: Buffer | null
}
interface CaptureRow {
  readonly id: number
  readonly request_id: string
  readonly at: number
  readonly status: number | null
  readonly complete: number
  readonly redactions: number
  readonly request: Buffer
  readonly answer: Buffer
}

/** Below this there is nothing to win. */
const PACK_BYTES = 64
/** Some megabytes. */
const MOST_KNOWN = 20_000
/** Captures that are removed in one transaction. */
const PRUNE_STEP = 50
/** A file that was too large is made so much smaller that the next capture does not make it too large again. */
const PRUNED_SHARE = 0.9

/** @param redacted forms of what is no credential by itself and must not be kept either, each with the flag `g` */
export const makeCaptureStore = ({ database, seal }: CaptureFile, redacted: readonly RegExp[]): CaptureStore => {
  const forms = [...CREDENTIAL_FORMS, ...redacted]
  const findChunk = database.prepare<[Buffer], number>('SELECT id FROM chunks WHERE digest = ?').pluck()
  const insertChunk = database.prepare<[Buffer, number, number, Uint8Array]>(
    'INSERT INTO chunks (digest, bytes, packed, refs, data) VALUES (?, ?, ?, 0, ?)',
  )
  const chunkOf = database.prepare<[number], ChunkRow>('SELECT id, digest, packed, data FROM chunks WHERE id = ?')
  const count = database.prepare<[number, number]>('UPDATE chunks SET refs = refs + ? WHERE id = ?')
  const dropUnused = database.prepare<[number]>('DELETE FROM chunks WHERE id = ? AND refs = 0')
  const insertCapture = database.prepare<[string, number, number | null, number, number, Buffer, Buffer]>(
    'INSERT INTO captures (request_id, at, status, complete, redactions, request, answer) VALUES (?, ?, ?, ?, ?, ?, ?)',
  )
  const captureOf = database.prepare<[string], CaptureRow>('SELECT * FROM captures WHERE request_id = ?')
  const oldest = database.prepare<[], CaptureRow>(`SELECT * FROM captures ORDER BY id LIMIT ${PRUNE_STEP}`)
  const dropCapture = database.prepare<[number]>('DELETE FROM captures WHERE id = ?')

  const keep = (piece: Uint8Array, digest: Buffer): number => {
    const small = piece.length < PACK_BYTES ? piece : zstdCompressSync(piece)
    const isPacked = small.length < piece.length
    const data = seal.close(isPacked ? small : piece, digest)
    return Number(insertChunk.run(digest, piece.length, isPacked ? 1 : 0, data).lastInsertRowid)
  }

  const cleaned = (bytes: Uint8Array, clean: typeof redact): Piece & { readonly text: Uint8Array } => {
    const { text, found } = clean(textOf(bytes), forms)
    const kept = found === 0 ? bytes : Buffer.from(text, encodingOf(bytes))
    return { text: kept, digest: seal.digest(kept), found }
  }

  /** What pieces became that came lately: a turn brings all but a few of them again. By their own digest, in memory alone. */
  const known = new Map<string, Piece>()

  const store = database.transaction((capture: Capture): void => {
    let redactions = 0
    const idOf = (piece: Piece, text: () => Uint8Array): number => {
      redactions += piece.found
      return findChunk.get(piece.digest) ?? keep(text(), piece.digest)
    }
    const request = piecesOf(capture.request).map((bytes) => {
      const own = createHash('sha256').update(bytes).digest('base64')
      const before = known.get(own)
      if (before !== undefined) return idOf(before, () => cleaned(bytes, redact).text)
      const { text, digest, found } = cleaned(bytes, redact)
      if (known.size >= MOST_KNOWN) known.clear()
      known.set(own, { digest, found })
      return idOf({ digest, found }, () => text)
    })
    const answer: number[] = []
    if (capture.answer.length > 0) {
      const piece = cleaned(capture.answer, redactAnswer)
      answer.push(idOf(piece, () => piece.text))
    }
    for (const id of new Set([...request, ...answer])) count.run(1, id)
    const { requestId, at, status, complete } = capture
    insertCapture.run(requestId, at, status, complete ? 1 : 0, redactions, packList(request), packList(answer))
  })

  const damaged = (): Error => unusable('a part of this capture is missing or damaged')

  const readable = <A>(read: () => A): A => {
    try {
      return read()
    } catch {
      // What zstd says of bytes that are none of its own is no news to anybody.
      throw damaged()
    }
  }

  /** Its digest tells whether it is the text that was kept, with a key and without. */
  const chunkText = (id: number): Uint8Array => {
    const { data: closed, digest, packed } = chunkOf.get(id) ?? {}
    const data = Buffer.isBuffer(closed) && Buffer.isBuffer(digest) ? seal.open(closed, digest) : undefined
    if (!Buffer.isBuffer(digest) || data === undefined) throw damaged()
    const text = packed === 1 ? readable(() => zstdDecompressSync(data)) : data
    if (!seal.digest(text).equals(digest)) throw damaged()
    return text
  }
  const join = (list: Buffer): Buffer => Buffer.concat(readable(() => unpackList(list)).map(chunkText))

  // In one transaction: a piece must not be pruned between the list and its chunks.
  const read = database.transaction((requestId: string): StoredCapture | undefined => {
    const row = captureOf.get(requestId)
    if (row === undefined) return undefined
    const { at, status, redactions } = row
    const texts = { request: join(row.request), answer: join(row.answer) }
    return { requestId, at, status, complete: row.complete === 1, redactions, ...texts }
  })

  const used = (): number => {
    const pragma = (name: string) => Number(database.pragma(name, { simple: true }))
    return (pragma('page_count') - pragma('freelist_count')) * pragma('page_size')
  }

  /** Removes the oldest captures, as long as one of them has to go; answers how many. */
  const pruneStep = database.transaction((before: number, maxBytes: number): number => {
    let removed = 0
    for (const capture of oldest.all()) {
      if (capture.at >= before && used() <= maxBytes) break
      for (const id of new Set([...unpackList(capture.request), ...unpackList(capture.answer)])) {
        count.run(-1, id)
        dropUnused.run(id)
      }
      dropCapture.run(capture.id)
      removed++
    }
    return removed
  })

  return {
    store: (capture) => store.immediate(capture),
    read: (requestId) => read(requestId),
    usedBytes: used,
    prune: (before, maxBytes) => {
      const most = used() > maxBytes ? maxBytes * PRUNED_SHARE : maxBytes
      let removed = 0
      for (let step = PRUNE_STEP; step === PRUNE_STEP; removed += step) step = pruneStep.immediate(before, most)
      if (removed > 0) {
        database.exec('PRAGMA incremental_vacuum')
        database.pragma('wal_checkpoint(TRUNCATE)')
      }
      return removed
    },
  }
}

/** One character per byte where the bytes are no text, so that they come back as they were. */
const encodingOf = (bytes: Uint8Array): 'utf8' | 'latin1' => (isUtf8(bytes) ? 'utf8' : 'latin1')

const textOf = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString(encodingOf(bytes))
