/** The `signalbox` command of a checkout: what is done to it is done to the program behind it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'

const COMMAND = fileURLToPath(new URL('../../scripts/signalbox.mjs', import.meta.url))

it('a signal to the command of a checkout stops the program, and the command ends with it', async () => {
  const home = mkdtempSync(join(tmpdir(), 'signalbox-checkout-'))
  onTestFinished(() => rmSync(home, { recursive: true }))
  const env = { ...process.env, HOME: home, XDG_CONFIG_HOME: home, XDG_DATA_HOME: home }
  const command = spawn(process.execPath, [COMMAND, 'serve', '--port', '0'], { cwd: home, env })
  onTestFinished(() => void command.kill('SIGKILL'))
  let [said, told] = ['', '']
  command.stderr.on('data', (bytes) => {
    told += String(bytes)
  })
  command.stdout.on('data', (bytes) => {
    said += String(bytes)
  })
  await expect.poll(() => said, { timeout: 20_000 }).toContain('Stop it with Ctrl-C')
  command.kill('SIGTERM')
  expect(await once(command, 'close')).toEqual([0, null])
  expect(told).toContain('"message":"stopped"')
})
