/** Events in files, where what is in them is of no use: the file is let go. */
import { mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { Effect } from 'effect'
import { describe, expect, it, onTestFinished } from 'vitest'
import { fileChunks } from '#infra/event-log/file-lines.ts'

const DESCRIPTORS = '/proc/self/fd'

/** The files that this process has open in a folder. */
const openIn = (folder: string): readonly string[] =>
  readdirSync(DESCRIPTORS).flatMap((descriptor) => {
    try {
      const target = readlinkSync(join(DESCRIPTORS, descriptor))
      return target.startsWith(folder) ? [target] : []
    } catch {
      // It was closed in between.
      return []
    }
  })

/** More than a stream reads at a time, so that nothing closes it at its end. */
const LONG = `${'{"no":"event"}\n'.repeat(100_000)}`

describe.skipIf(process.platform !== 'linux')('a file whose lines are no events', () => {
  it.each([
    ['events.ndjson', Buffer.from(LONG)],
    ['events.ndjson.gz', gzipSync(LONG, { level: 0 })],
  ])('is closed when that is told: %s', async (name, bytes) => {
    const folder = mkdtempSync(join(tmpdir(), 'signalbox-lines-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const path = join(folder, name)
    writeFileSync(path, bytes)
    const error = await Effect.runPromise(Effect.flip(fileChunks(path)))
    expect(error.message).toContain('has no event in line 1')
    await expect.poll(() => openIn(folder)).toEqual([])
  })
})
