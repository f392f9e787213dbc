#!/usr/bin/env node
// The `signalbox` command of a checkout: the command line on the project's own Node, in the caller's folder.
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const run = spawnSync(
  process.execPath,
  [join(root, 'scripts', 'run.mjs'), 'node', join(root, 'src', 'main.ts'), ...process.argv.slice(2)],
  { stdio: 'inherit' },
)
process.exit(run.status ?? 1)
