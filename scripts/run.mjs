#!/usr/bin/env node
// Runs a command of this project with everything it needs in place: the first command in a fresh clone installs the
// locked dependencies (Node 24 among them), every later one only compares the lock file with what was installed. What shows
// the dashboard gets it built first.
// Works on any Node from 18 up, because it runs before our own Node is there.
import { spawn, spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const lock = join(root, 'package-lock.json')
const installed = join(root, 'node_modules', '.signalbox-lock.json')
const bin = join(root, 'node_modules', '.bin')
const windows = process.platform === 'win32'

const same = (a, b) => existsSync(a) && existsSync(b) && readFileSync(a).equals(readFileSync(b))

if (!same(lock, installed)) {
  console.error('signalbox: installing the locked dependencies (first run, or the lock file changed) …')
  const install = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error', '--engine-strict=false'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: windows,
    env: { ...process.env, NODE_ENV: 'development' },
  })
  if (install.status !== 0) {
    console.error(
      'signalbox: `npm ci` failed; see above. A working npm and access to a package registry are needed once.',
    )
    process.exit(1)
  }
  copyFileSync(lock, installed)
}

const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH ?? ''}` }

if (['start', 'test', 'dev'].includes(process.env.npm_lifecycle_event ?? '')) {
  const built = spawnSync('node', [join(root, 'scripts', 'build-dashboard.mjs')], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: windows,
    env,
  })
  if (built.status !== 0) {
    console.error('signalbox: the dashboard could not be built; see above.')
    process.exit(1)
  }
}

const [command, ...args] = process.argv.slice(2)
const child = spawn(command, args, {
  // npm runs scripts in the project's folder; the bare command stays where the caller is.
  cwd: process.env.npm_lifecycle_event === undefined ? process.cwd() : root,
  stdio: 'inherit',
  shell: windows,
  env,
})
// The terminal sends its signals to the whole group; a supervisor signals only us. Pass them on, and outlive the child.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
  })
}
// npm runs scripts through a shell, which dies of a signal without passing it on: whoever stops npm then stops nothing.
if (process.env.npm_lifecycle_event !== undefined && !windows) {
  const parent = process.ppid
  const orphaned = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(orphaned)
    child.kill('SIGTERM')
  }, 250)
  orphaned.unref()
}
child.on('error', (error) => {
  console.error(`signalbox: cannot start ${command}: ${error.message}`)
  process.exit(1)
})
child.on('exit', (code, signal) => process.exit(signal ? 128 + (constants.signals[signal] ?? 0) : (code ?? 1)))
