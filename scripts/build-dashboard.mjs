#!/usr/bin/env node
// Builds the dashboard when what it is built from has changed since the last build, which takes seconds; otherwise it only
// compares a digest. `npm start`, `npm test` and `npm run dev` come by here (scripts/run.mjs).
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const output = join(root, 'dist', 'dashboard')
// Beside the build, not in it: what lies in it is served.
const builtFrom = join(root, 'dist', 'dashboard.sha256')

// The sources import types of the rest of src, which leave nothing in the build, and these few plain functions.
const files = [
  ...readdirSync(join(root, 'src', 'dashboard'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort(),
  join(root, 'src', 'domain', 'alerts', 'sentence.ts'),
  join(root, 'vite.config.ts'),
  join(root, 'package-lock.json'),
]
const hash = createHash('sha256')
for (const file of files)
  hash
    .update(`${relative(root, file)}\0`)
    .update(readFileSync(file))
    .update('\0')
const digest = hash.digest('hex')

const isFresh =
  existsSync(join(output, 'index.html')) && existsSync(builtFrom) && readFileSync(builtFrom, 'utf8') === digest

if (!isFresh) {
  console.error('signalbox: building the dashboard (first run, or its sources changed) …')
  const { build } = await import('vite')
  // Built aside and moved: whoever starts meanwhile finds the old one or the new one, and two builds at once do not mix.
  const aside = join(root, 'dist', `dashboard-${process.pid}`)
  await build({ configFile: join(root, 'vite.config.ts'), build: { outDir: aside } })
  rmSync(output, { recursive: true, force: true })
  try {
    renameSync(aside, output)
  } catch (error) {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    // Another build of the same sources was quicker.
    rmSync(aside, { recursive: true })
  }
  writeFileSync(builtFrom, digest)
}
