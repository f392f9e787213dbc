#!/usr/bin/env node
// The `signalbox` command. In a checkout: the command line on the project's own Node, in the caller's folder. In the published
// package, which brings no sources: its JavaScript (scripts/build-package.ts), on the Node that runs this.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const source = join(root, 'src', 'main.ts')

// The flag: docs/operations.md, Memory. In this process, so that whoever stops it stops the program.
const runCheckout = () => {
  process.argv.splice(2, 0, 'node', '--max-semi-space-size=8', source)
  return import('./run.mjs')
}

// npm only warns of an older Node, and what that says of our imports helps nobody.
const checkNode = () => {
  const wanted = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).engines.node
  const [, major, minor] = /(\d+)\.(\d+)/.exec(wanted)
  const [ownMajor, ownMinor] = process.versions.node.split('.').map(Number)
  if (ownMajor > Number(major) || (ownMajor === Number(major) && ownMinor >= Number(minor))) return
  console.error(`signalbox: needs Node ${wanted}, this is ${process.versions.node}.`)
  process.exit(1)
}

if (existsSync(source)) await runCheckout()
else {
  checkNode()
  await import('../lib/main.js')
}
