/**
 * The process that runs fuzz cases. Before each it notes in a file which one it begins, so that a case that never ends, takes all
 * memory, or takes the process down is known by its number: `node cases.ts JOBS PROGRESS-FILE`.
 */
import { openSync, writeSync } from 'node:fs'
import { dice } from './dice.ts'
import type { OpenTarget } from './target.ts'
import { planted } from './targets/planted.ts'
import { targets } from './targets.ts'

export interface FuzzJob {
  readonly target: string
  /** The number of the first case; a case's number is its seed. */
  readonly from: number
  readonly cases: number
}

/** How a job ended: with its last case, or with the first that went wrong. */
export interface JobEnd {
  readonly job: number
  readonly failure?: { readonly seed: number; readonly complaint: string }
}

/** The longest that one case may take, in ms of CPU. Most take microseconds; once in a while garbage is collected. */
const MOST_CPU_MS = 1_500

const [, , jobsText = '[]', progressFile = ''] = process.argv
const jobs = JSON.parse(jobsText) as readonly FuzzJob[]
const progress = openSync(progressFile, 'r+')
/** Two numbers of 32 bits: the job, and how many of its cases have begun. */
const place = Buffer.alloc(8)

const runCase = async (open: OpenTarget, seed: number): Promise<string | undefined> => {
  const before = process.cpuUsage()
  try {
    const complaint = await open.run(dice(seed))
    const { user, system } = process.cpuUsage(before)
    const tookMs = (user + system) / 1_000
    return complaint ?? (tookMs > MOST_CPU_MS ? `it took ${tookMs.toFixed(0)} ms of CPU` : undefined)
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error)
  }
}

for (const [job, { target: name, from, cases }] of jobs.entries()) {
  const target = [...targets, ...planted].find((one) => one.name === name)
  if (target === undefined) throw new Error(`there is no target ${name}`)
  const open = await target.open()
  let failure: JobEnd['failure']
  for (let n = 0; n < cases && failure === undefined; n++) {
    place.writeUInt32LE(job, 0)
    place.writeUInt32LE(n + 1, 4)
    writeSync(progress, place, 0, place.length, 0)
    const complaint = await runCase(open, from + n)
    if (complaint !== undefined) failure = { seed: from + n, complaint }
  }
  await open.close?.()
  process.send?.({ job, ...(failure === undefined ? {} : { failure }) } satisfies JobEnd)
}
process.disconnect?.()
