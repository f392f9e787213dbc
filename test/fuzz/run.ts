/**
 * Runs fuzz jobs in a process of their own, and ends it when it stands still. What kills the process is a failure of the case
 * that it had begun; the jobs behind it are then run by another one.
 */
import { fork } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FuzzJob, JobEnd } from './cases.ts'

export interface FuzzFailure {
  readonly target: string
  /** The number of the case. */
  readonly seed: number
  readonly complaint: string
}

export interface FuzzOptions {
  /** Called every half second, with the number of cases that have begun, of all jobs. */
  readonly onProgress?: (begun: number) => void
  readonly onFailure?: (failure: FuzzFailure) => void
  /** After so long at one case it is taken to stand still; default 20 s, whatever else the machine does. */
  readonly stillMs?: number
}

const LOOK_MS = 500
/** Twice of what the dearest target needs. */
const MOST_MEGABYTES = 512
const CASES = fileURLToPath(new URL('cases.ts', import.meta.url))

/** At most one failure of each job: its first. */
export const fuzz = async (jobs: readonly FuzzJob[], options: FuzzOptions = {}): Promise<readonly FuzzFailure[]> => {
  const failures: FuzzFailure[] = []
  let left = jobs
  let before = 0
  while (left.length > 0) {
    const part = await runProcess(left, {
      stillMs: 20_000,
      ...options,
      onProgress: (begun) => options.onProgress?.(before + begun),
    })
    for (const failure of part.failures) options.onFailure?.(failure)
    failures.push(...part.failures)
    before += left.slice(0, part.done).reduce((sum, { cases }) => sum + cases, 0)
    left = left.slice(part.done)
  }
  return failures
}

interface Part {
  /** Jobs that are over. */
  readonly done: number
  readonly failures: readonly FuzzFailure[]
}

const runProcess = async (
  jobs: readonly FuzzJob[],
  { onProgress, stillMs }: Required<Pick<FuzzOptions, 'onProgress' | 'stillMs'>>,
): Promise<Part> => {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-fuzz-'))
  const progressFile = join(folder, 'progress')
  writeFileSync(progressFile, Buffer.alloc(8))
  const child = fork(CASES, [JSON.stringify(jobs), progressFile], {
    execArgv: [`--max-old-space-size=${MOST_MEGABYTES}`],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  let complaints = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaints = (complaints + text).slice(-4_000)
  })
  const failures: FuzzFailure[] = []
  let done = 0
  child.on('message', (end: JobEnd) => {
    done = end.job + 1
    if (end.failure !== undefined) failures.push({ target: jobs[end.job]?.target ?? '', ...end.failure })
  })
  let still = false
  let last = ''
  let since = performance.now()
  const look = setInterval(() => {
    const { job, begun } = placeIn(progressFile)
    onProgress(jobs.slice(0, job).reduce((sum, { cases }) => sum + cases, begun))
    // Until the first case has begun it starts, which takes what it takes.
    if (begun === 0 || `${job} ${begun}` !== last) {
      last = `${job} ${begun}`
      since = performance.now()
    } else if (performance.now() - since > stillMs) {
      still = true
      child.kill('SIGKILL')
    }
  }, LOOK_MS)
  const code = await new Promise<number | string | null>((resolve) => {
    child.once('close', (exit, signal) => resolve(exit ?? signal))
  })
  clearInterval(look)
  const { job, begun } = placeIn(progressFile)
  rmSync(folder, { recursive: true })
  if (done === jobs.length) return { done, failures }
  const { target = '', from = 0 } = jobs[job] ?? {}
  const complaint = still ? `it stands still for ${stillMs / 1_000} s` : `its process ended with ${code}: ${complaints}`
  return { done: job + 1, failures: [...failures, { target, seed: from + Math.max(0, begun - 1), complaint }] }
}

const placeIn = (progressFile: string): { readonly job: number; readonly begun: number } => {
  const place = readFileSync(progressFile)
  return { job: place.readUInt32LE(0), begun: place.readUInt32LE(4) }
}

/** The command that runs a case again. */
export const again = ({ target, seed }: FuzzFailure): string =>
  `npm run fuzz -- --target ${target} --from ${seed} --cases 1`
