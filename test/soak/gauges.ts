/**
 * What a process holds at a moment, from outside: its own metrics, and what Linux says of it in /proc.
 */
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { get } from 'node:http'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { HeapSpaceInfo } from 'node:v8'

export interface Sample extends Glance {
  /** Bytes of the heap of the main thread when everything was quiet, right after a collection: what the program holds … */
  readonly objects: number
  /** … and what V8 keeps of the program itself: bytecode, and code that it compiles for as long as ever new paths become hot. */
  readonly code: number
}

export interface Glance {
  /** Since the first one, in ms. */
  readonly at: number
  /** Bytes: resident, and outside the heap. */
  readonly resident: number
  readonly external: number
  /** Open file descriptors, sockets among them, and Node's handles. */
  readonly descriptors: number
  readonly sockets: number
  readonly handles: number
  /** Bytes of the write-ahead log. */
  readonly wal: number
  /** Delay of the event loop since the sample before, the 99th percentile in ms. */
  readonly loopMs: number
  /** Requests under way. */
  readonly underWay: number
  /** Bytes of their bodies. */
  readonly bodies: number
  /** Events in the log. */
  readonly events: number
}

/** In a folder of the process: what of its heap is really held. */
const heapFile = (folder: string): string => join(folder, 'heap.json')

/**
 * Of Node, for a process that is looked at like this: when it gets SIGUSR2 it collects its garbage and writes what is left of its
 * heap, before anything else happens.
 */
export const gauged = (folder: string): NodeJS.ProcessEnv => {
  const file = JSON.stringify(heapFile(folder))
  const code = `import{isMainThread}from'node:worker_threads';import{getHeapSpaceStatistics}from'node:v8';import{renameSync,writeFileSync}from'node:fs';if(isMainThread)process.on('SIGUSR2',()=>{gc();gc();writeFileSync(${file}+'.part',JSON.stringify(getHeapSpaceStatistics()));renameSync(${file}+'.part',${file})})`
  return { NODE_OPTIONS: `--expose-gc --import=data:text/javascript,${encodeURIComponent(code)}` }
}

/** A collection of a heap of a hundred megabytes takes some tenths of a second. */
const COLLECTING_STEP_MS = 20
/** A snapshot on its way, an answer to a page: what is there at one look is gone at another. */
const LOOKS = 4
const BETWEEN_LOOKS_MS = 300

export interface Gauged {
  readonly pid: number
  readonly port: number
  /** The one that `gauged` was told. */
  readonly folder: string
}

type Heap = Pick<Sample, 'objects' | 'code'>

/** Of V8's spaces these hold what it makes of the program; the others hold what the program makes. */
const CODE_SPACES = /^(?:code|trusted)_/

/** What is really held of the heap. It is the same at the same load only when nothing is under way. */
export const heldHeap = async (box: Gauged): Promise<Heap> => {
  const looks: Heap[] = []
  for (let look = 0; look < LOOKS; look++) {
    looks.push(await collected(box))
    await wait(BETWEEN_LOOKS_MS)
  }
  return {
    objects: Math.min(...looks.map(({ objects }) => objects)),
    code: Math.min(...looks.map(({ code }) => code)),
  }
}

const collected = async ({ pid, folder }: Gauged): Promise<Heap> => {
  const file = heapFile(folder)
  rmSync(file, { force: true })
  process.kill(pid, 'SIGUSR2')
  while (!existsSync(file)) {
    await wait(COLLECTING_STEP_MS)
    // Throws when there is no such process any more.
    process.kill(pid, 0)
  }
  const spaces: readonly HeapSpaceInfo[] = JSON.parse(readFileSync(file, 'utf8'))
  const bytes = (isCode: boolean): number =>
    spaces
      .filter(({ space_name }) => CODE_SPACES.test(space_name) === isCode)
      .reduce((sum, { space_used_size }) => sum + space_used_size, 0)
  return { objects: bytes(false), code: bytes(true) }
}

/** A moment, as it is. */
export const glance = async (box: Omit<Gauged, 'folder'>, since: number): Promise<Glance> => {
  const text = await read(box.port, '/metrics')
  const descriptors = descriptorsOf(box.pid)
  return {
    at: performance.now() - since,
    resident: residentBytes(box.pid),
    external: sumOf(text, 'nodejs_external_memory_bytes'),
    descriptors: descriptors.length,
    sockets: descriptors.filter((target) => target.startsWith('socket:')).length,
    handles: sumOf(text, 'nodejs_active_handles'),
    wal: sumOf(text, 'signalbox_event_log_wal_bytes'),
    loopMs: sumOf(text, 'signalbox_event_loop_delay_p99_seconds') * 1_000,
    underWay: sumOf(text, 'signalbox_intake_requests'),
    bodies: sumOf(text, 'signalbox_intake_body_bytes'),
    events: sumOf(text, 'signalbox_event_log_position'),
  }
}

/** Over all its labels. */
const sumOf = (exposition: string, metric: string): number =>
  [...exposition.matchAll(new RegExp(`^${metric}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))].reduce(
    (all, [, one]) => all + Number(one),
    0,
  )

const read = (port: number, path: string): Promise<string> =>
  new Promise((resolve, reject) => {
    // A connection of its own, which is gone when the answer is there.
    get({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      const pieces: Buffer[] = []
      response.on('data', (piece: Buffer) => pieces.push(piece))
      response.on('error', reject)
      response.on('end', () => resolve(Buffer.concat(pieces).toString()))
    }).on('error', reject)
  })

const descriptorsOf = (pid: number): readonly string[] =>
  readdirSync(`/proc/${pid}/fd`).flatMap((descriptor) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${descriptor}`)]
    } catch {
      // Closed between the two looks.
      return []
    }
  })

const residentBytes = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) * 1_024
