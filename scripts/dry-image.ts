/**
 * Walks the steps of deploy/docker/Dockerfile in a folder, without Docker, and starts what comes out as the image would start it
 * (`npm run image:dry`). The base images stay away: the Node that runs this stands for theirs. It takes a minute, and a registry.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inContext, listIn, type Stage, type Step, stagesOf } from './package/dockerfile.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const isSent = inContext(read('.dockerignore'))
const scratch = mkdtempSync(join(tmpdir(), 'signalbox-image-'))

/** Where the root of a stage stands for /. */
const rootOf = (name: string): string => join(scratch, name)

const copy = (step: Extract<Step, { _tag: 'Copy' }>, stage: string, workdir: string): void => {
  const from = step.from === undefined ? root : rootOf(step.from)
  const target = resolve(workdir, step.target)
  for (const source of step.sources) {
    const path = join(from, source)
    const isFolder = statSync(path).isDirectory()
    const to = join(
      rootOf(stage),
      isFolder ? target : step.target.endsWith('/') ? join(target, basename(source)) : target,
    )
    const isWanted = (file: string): boolean =>
      step.from !== undefined || isSent(relative(root, file).replaceAll('\\', '/'))
    if (!isFolder && !isWanted(path)) throw new Error(`${source} is not sent: see .dockerignore`)
    cpSync(path, to, {
      recursive: true,
      verbatimSymlinks: true,
      filter: (file) => statSync(file).isDirectory() || isWanted(file),
    })
  }
}

const walk = ({ steps }: Stage, name: string): string => {
  let workdir = '/'
  mkdirSync(rootOf(name))
  for (const step of steps) {
    console.error(`${name}: ${step._tag === 'Run' ? step.command : JSON.stringify(step)}`)
    if (step._tag === 'Workdir') {
      workdir = resolve(workdir, step.path)
      mkdirSync(join(rootOf(name), workdir), { recursive: true })
    } else if (step._tag === 'Copy') copy(step, name, workdir)
    else {
      const ran = spawnSync('sh', ['-c', step.command], { cwd: join(rootOf(name), workdir), stdio: ['ignore', 2, 2] })
      if (ran.status !== 0) throw new Error(`it ended with ${ran.status}`)
    }
  }
  return join(rootOf(name), workdir)
}

const bytesOf = (folder: string): number =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0)

const heard = (child: ChildProcess, pattern: RegExp): Promise<string> =>
  new Promise((found, failed) => {
    let text = ''
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => {
        text += chunk
        if (pattern.test(text)) found(text)
      })
    child.on('close', (code) => failed(new Error(`it ended with ${code}: ${text}`)))
  })

/** As the image's entry point, health check and user-visible answer, on a port that is free. */
const start = async (stage: Stage, name: string, workdir: string): Promise<void> => {
  const inStage = (path: string): string =>
    path === '/nodejs/bin/node' ? process.execPath : path.startsWith('/') ? join(rootOf(name), path) : path
  const port = '18080'
  const environment = Object.fromEntries(
    Object.entries(stage.environment).map(([key, value]) => [key, /^XDG_/.test(key) ? inStage(value) : value]),
  )
  const env = { ...environment, HOME: scratch, SIGNALBOX_PORT: port }
  const [program = '', ...args] = [...stage.entrypoint, ...stage.command].map(inStage)
  const child = spawn(program, args, { cwd: workdir, env, stdio: ['ignore', 'pipe', 'pipe'] })
  try {
    await heard(child, /listens on/)
    const [checker = '', ...checked] = listIn(stage.healthcheck ?? '[]').map(inStage)
    const health = spawnSync(checker, checked, { cwd: workdir, env, encoding: 'utf8' })
    if (health.status !== 0) throw new Error(`the health check says: ${health.stderr}`)
    const refused = await fetch(`http://127.0.0.1:${port}/v1/messages`, { method: 'POST', body: '{}' })
    if (refused.status !== 401) throw new Error(`a client without a key gets ${refused.status}, not 401`)
    if (!existsSync(join(rootOf(name), 'data', 'signalbox', 'signalbox.db'))) throw new Error('no log in /data')
    const ended = new Promise<number | null>((found) => child.on('exit', found))
    child.kill('SIGTERM')
    const code = await ended
    if (code !== 0) throw new Error(`it stopped with ${code}`)
  } finally {
    child.kill('SIGKILL')
  }
}

try {
  const stages = stagesOf(read('deploy/docker/Dockerfile'))
  const last = stages.at(-1)
  if (last === undefined) throw new Error('the Dockerfile has no stage')
  const folders = stages.map((stage, index) => walk(stage, stage.name ?? `stage-${index}`))
  const name = last.name ?? `stage-${stages.length - 1}`
  await start(last, name, folders.at(-1) ?? '')
  console.log(
    `The image would start, be healthy, ask for keys and stop. It adds ${(bytesOf(rootOf(name)) / 1e6).toFixed(0)} MB to its base.`,
  )
} finally {
  rmSync(scratch, { recursive: true })
}
