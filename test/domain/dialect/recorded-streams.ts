/**
 * Every event stream of the fixtures: the providers' sample streams and those of the captures, without doubles.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { loadCaptures } from '#test/captures.ts'

export interface RecordedStream {
  readonly name: string
  readonly bytes: Buffer
}

const FIXTURES = new URL('../../fixtures/', import.meta.url)

const samples = (): readonly RecordedStream[] =>
  readdirSync(FIXTURES, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.sse'))
    .sort()
    .map((file) => ({ name: file, bytes: readFileSync(new URL(file, FIXTURES)) }))

const captured = (): readonly RecordedStream[] => {
  const seen = new Set<string>()
  const streams: RecordedStream[] = []
  for (const capture of loadCaptures()) {
    for (const { n, response } of capture.exchanges) {
      if (response === undefined || !response.body.includes('event: ')) continue
      const shape = response.body.toString().replaceAll(/mock_\d+/g, '')
      if (seen.has(shape)) continue
      seen.add(shape)
      streams.push({ name: `${capture.name} ${n}`, bytes: response.body })
    }
  }
  return streams
}

export const recordedStreams = (): readonly RecordedStream[] => [...samples(), ...captured()]
