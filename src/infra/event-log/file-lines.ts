/**
 * Events that lie in files, one JSON object a line: archives, and what `signalbox events --json` printed. A name that ends with `.gz`
 * is unpacked on the way.
 */
import { createReadStream } from 'node:fs'
import { basename } from 'node:path'
import { pipeline, type Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { Effect } from 'effect'
import { EventLogError, type ReadEvent } from '#actors/ports.ts'
import type { RecordedEvent } from '#domain/recorded-event.ts'
import { upcast } from '#domain/upcast.ts'

/** Some more events, in the order of their positions; none: it is over. */
export type Chunks = Effect.Effect<readonly ReadEvent[], EventLogError>

const CHUNK = 2_000

export const positionOf = (row: ReadEvent): number => (row._tag === 'Known' ? row.recorded.position : row.position)

/** The events of a file from its first line on. */
export const fileChunks = (path: string): Chunks => {
  const file = basename(path)
  let lines: AsyncGenerator<string, void, void> | undefined
  let number = 0
  let last = 0
  const take = async (): Promise<readonly ReadEvent[]> => {
    lines ??= linesOf(path)
    const rows: ReadEvent[] = []
    while (rows.length < CHUNK) {
      const line = await lines.next()
      if (line.done === true) return rows
      number += 1
      if (line.value === '') continue
      const row = readLine(line.value)
      if (row === undefined) throw new UnusableLine(`${file} has no event in line ${number}`)
      if (positionOf(row) <= last) throw new UnusableLine(`${file} is not in the order of the log at line ${number}`)
      last = positionOf(row)
      rows.push(row)
    }
    return rows
  }
  const close = Effect.promise(async () => lines?.return())
  // Who is told that a file is of no use asks no more, and it would stay open.
  return Effect.tryPromise({ try: take, catch: failureOf(file) }).pipe(Effect.tapError(() => close))
}

class UnusableLine extends Error {}

const failureOf =
  (file: string) =>
  (error: unknown): EventLogError => {
    if (error instanceof UnusableLine) {
      const detail = `${error.message}: take an archive, or what signalbox events --json printed`
      return new EventLogError({ reason: { _tag: 'Unusable', detail } })
    }
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    return new EventLogError({ reason: { _tag: 'Unavailable', detail: `${file} cannot be read (${code})` } })
  }

async function* linesOf(path: string): AsyncGenerator<string, void, void> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of bytesOf(path)) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
  yield rest
}

const bytesOf = (path: string): Readable => {
  const bytes = createReadStream(path)
  if (!path.endsWith('.gz')) return bytes
  // An error of either ends the second, which is where it is heard.
  return pipeline(bytes, createGunzip(), () => undefined)
}

type Line = { readonly [key: string]: unknown }

/** Undefined when it is no event. */
const readLine = (text: string): ReadEvent | undefined => {
  const line = parse(text)
  if (line === undefined || !hasEnvelope(line)) return undefined
  const { type, data, ...envelope } = line
  const lifted = upcast(type, envelope.schemaVersion, data)
  return lifted._tag === 'Known'
    ? { _tag: 'Known', recorded: { ...envelope, event: lifted.event } }
    : { _tag: 'Foreign', position: envelope.position, upcast: lifted }
}

const parse = (text: string): Line | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    // Not JSON: the caller says in which line.
    return undefined
  }
}

const isObject = (value: unknown): value is Line => typeof value === 'object' && value !== null && !Array.isArray(value)

const NUMBERS = ['position', 'schemaVersion', 'streamVersion', 'occurredAt', 'recordedAt', 'writerSeq'] as const
const TEXTS = ['type', 'stream', 'writer'] as const

const hasEnvelope = (
  line: Line,
): line is Line & Omit<RecordedEvent, 'event'> & { readonly type: string; readonly data: Line } =>
  NUMBERS.every((name) => Number.isSafeInteger(line[name])) &&
  TEXTS.every((name) => typeof line[name] === 'string') &&
  isObject(line.data)
