/**
 * Server processes under measurement: started, asked for their CPU time, stopped by their pid. Linux only: CPU time comes
 * from /proc/PID/stat, which counts every thread of the process, ended ones included.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { fileURLToPath } from 'node:url'

export interface Server {
  readonly url: string
  readonly pid: number
  /** User and system time of all threads so far, in ms; in steps of 10 ms. */
  readonly cpuMs: () => number
  /** The same by thread name, of the threads that are alive. */
  readonly threadCpuMs: () => ReadonlyMap<string, number>
  /** Resident memory, in bytes. */
  readonly residentBytes: () => number
  /** Ends it in good order (SIGTERM) and waits. */
  readonly stop: () => Promise<void>
}

/** The benchmark's own servers (see child.ts): they print their URL. */
export const startScript = async (
  script: string,
  env: Readonly<Record<string, string>>,
  nodeFlags: readonly string[] = [],
): Promise<Server> => {
  const path = fileURLToPath(new URL(script, import.meta.url))
  const started = launch([process.execPath, ...nodeFlags, path], env)
  const url = await new Promise<string>((resolve, reject) => {
    let text = ''
    started.child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      if (text.includes('\n')) resolve((JSON.parse(text) as { readonly url: string }).url)
    })
    started.child.once('exit', () => reject(new Error(`${script} ended before it listened:\n${started.errors()}`)))
  })
  return { ...started.server, url }
}

/** Any command; the caller knows its URL and waits until it serves. Its standard output is dropped. */
export const startCommand = (
  command: readonly string[],
  env: Readonly<Record<string, string>>,
  url: string,
): Server & { readonly failure: () => string | undefined } => {
  const { server, child, errors } = launch(command, env)
  child.stdout?.resume()
  const failure = (): string | undefined =>
    running(child) ? undefined : `${command.join(' ')} ended (${child.exitCode ?? child.signalCode}):\n${errors()}`
  return { ...server, url, failure }
}

export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo
      probe.close(() => resolve(port))
    })
  })

const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** Enough of what it said to see why it failed. */
const ERROR_CHARACTERS = 4_000
/** USER_HZ, the unit of /proc/PID/stat: 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100
const STOP_MS = 60_000

const alive = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL')
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1))

const running = (child: ChildProcess): boolean => child.exitCode === null && child.signalCode === null

const launch = (command: readonly string[], env: Readonly<Record<string, string>>) => {
  const [program = '', ...args] = command
  // Only what is needed: no setting or credential of the person who runs the benchmark.
  const inherited = { PATH: process.env.PATH ?? '', NODE_ENV: 'production' }
  const child = spawn(program, args, { cwd: ROOT, env: { ...inherited, ...env }, stdio: ['pipe', 'pipe', 'pipe'] })
  alive.add(child)
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-ERROR_CHARACTERS)
  })
  child.on('error', (error) => {
    errors += error.message
  })
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => {
      alive.delete(child)
      resolve()
    })
  })
  const pid = child.pid ?? 0
  const stop = async (): Promise<void> => {
    if (!running(child)) return
    child.kill('SIGTERM')
    const late = setTimeout(() => {
      console.error(`bench: ${command.join(' ')} did not end within ${STOP_MS / 1000} s of SIGTERM; killed`)
      child.kill('SIGKILL')
    }, STOP_MS)
    await ended
    clearTimeout(late)
  }
  return {
    child,
    errors: () => errors,
    server: {
      pid,
      cpuMs: () => cpuMs(`/proc/${pid}/stat`),
      threadCpuMs: () => threadCpuMs(pid),
      residentBytes: () => residentBytes(pid),
      stop,
    },
  }
}

/** Fields 14 and 15 of proc_pid_stat(5); the name in field 2 may hold anything, so count from its closing bracket. */
const cpuMs = (path: string): number => {
  const text = readFileSync(path, 'latin1')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return ((Number(fields[11]) + Number(fields[12])) * 1_000) / TICKS_PER_SECOND
}

const threadCpuMs = (pid: number): ReadonlyMap<string, number> => {
  const sums = new Map<string, number>()
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const folder = `/proc/${pid}/task/${thread}`
    const name = readFileSync(`${folder}/comm`, 'latin1').trim()
    sums.set(name, (sums.get(name) ?? 0) + cpuMs(`${folder}/stat`))
  }
  return sums
}

const residentBytes = (pid: number): number => {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]
  return Number(kilobytes) * 1024
}
