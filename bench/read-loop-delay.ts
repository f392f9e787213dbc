/** Asks a Signalbox that has loaded loop-delay.ts for the longest waits of its event loop since it was last asked. */
import { readFileSync, unlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LoopDelay } from './loop-delay.ts'
import type { Server } from './process.ts'

/** Flags and variables with which it tells them to a file. */
export const tellsLoopDelay = (file: string) => ({
  nodeFlags: ['--import', new URL('loop-delay.ts', import.meta.url).href],
  env: { LOOP_DELAY_FILE: file },
})

/** Of the main thread since the last time. */
export const readLoopDelay = async ({ pid }: Pick<Server, 'pid'>, file: string): Promise<LoopDelay> => {
  process.kill(pid, 'SIGUSR2')
  for (let polls = 0; polls < MOST_POLLS; polls++) {
    await sleep(POLL_MS)
    const seen = readWritten(file)
    if (seen !== undefined) return seen
  }
  throw new Error('Signalbox did not tell its event loop delay')
}

const POLL_MS = 10
const MOST_POLLS = 500

/** Undefined until it is there and whole. */
const readWritten = (file: string): LoopDelay | undefined => {
  try {
    const seen = JSON.parse(readFileSync(file, 'utf8')) as LoopDelay
    unlinkSync(file)
    return seen
  } catch {
    // Not written yet, or only half: the caller asks again, and gives up with an error of its own.
    return undefined
  }
}
