/**
 * A disk whose every fsync takes three tenths of a second: appends wait for it, the event loop does not.
 */
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { byStrace, hasStrace, traced } from '#test/strace.ts'
import { newPath } from './log-file.ts'

const APPENDING = fileURLToPath(new URL('append-at-a-pace.ts', import.meta.url))
const SYNC_MS = 300

describe.skipIf(!hasStrace)(byStrace('a log on a slow disk'), () => {
  it('takes 500 events a second without holding the event loop up', { timeout: 60_000 }, async () => {
    const inject = `delay_enter=${SYNC_MS * 1_000}`
    const child = traced({ calls: 'fsync,fdatasync', inject }, APPENDING, newPath(), '3')
    let printed = ''
    child.stdout?.on('data', (chunk: Buffer) => {
      printed += chunk.toString()
    })
    const limit = setTimeout(() => process.kill(-(child.pid ?? 0), 'SIGKILL'), 50_000)
    await once(child, 'close')
    clearTimeout(limit)
    const report = JSON.parse(printed) as { appends: number; appendP50Ms: number; loopP999Ms: number }
    expect(report.appends).toBe(375)
    // The delay was real, and everybody waited for it but the loop. Other processes on the machine are in the second figure.
    expect(report.appendP50Ms).toBeGreaterThan(SYNC_MS / 2)
    expect(report.loopP999Ms).toBeLessThan(SYNC_MS / 2)
  })
})
