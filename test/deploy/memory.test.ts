/** The flag that keeps the heaps small (docs/operations.md, Memory), wherever Signalbox decides how its Node is started. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const FLAG = '--max-semi-space-size=8'
const text = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const { scripts } = JSON.parse(text('package.json')) as { readonly scripts: Readonly<Record<string, string>> }

describe('a Node that runs Signalbox has small heaps of young objects', () => {
  it.each(['start', 'dev', 'signalbox'])('from npm run %s', (name) => {
    expect(scripts[name]?.split(' ')).toContain(FLAG)
  })

  it.each([
    ['the command of a checkout', 'scripts/signalbox.mjs', `'node', '${FLAG}', source`],
    ['the image', 'deploy/docker/Dockerfile', `NODE_OPTIONS=${FLAG}`],
    ['the unit for systemd', 'deploy/systemd/signalbox.service', `Environment=NODE_OPTIONS=${FLAG}`],
    ['whoever reads how', 'docs/operations.md', `\`NODE_OPTIONS=${FLAG}\``],
  ])('from %s', (_, path, setting) => {
    expect(text(path)).toContain(setting)
  })
})
