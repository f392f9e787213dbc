/**
 * The unit for systemd, by systemd's own checkers where they are installed.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { by, check, isInstalled } from '#test/checkers.ts'

const file = fileURLToPath(new URL('../../deploy/systemd/signalbox.service', import.meta.url))
const unit = readFileSync(file, 'utf8')
const hasSystemd = isInstalled('systemd-analyze', ['--version'])

/** Of ten, in tenths; 2.0 and less is `OK`. Writing and running memory at once cannot be taken from V8. */
const MOST_EXPOSED = 20

const verify = (text: string) => {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-systemd-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'signalbox.service')
  // It wants a program that is there.
  writeFileSync(path, text.replace('/usr/bin/signalbox', process.execPath))
  return check('systemd-analyze', ['verify', '--man=no', path])
}

describe.skipIf(!hasSystemd)(by('systemd-analyze', hasSystemd, 'systemd'), () => {
  it('takes the unit without a remark', () => {
    expect(verify(unit)).toMatchObject({ status: 0, output: '' })
  })

  it('would say what it does not know', () => {
    expect(verify(unit.replace('PrivateTmp=', 'PrivateTemp=')).output).toMatch(/Unknown key (name )?'PrivateTemp'/)
  })

  it('finds it hardly exposed', () => {
    const security = (path: string) =>
      check('systemd-analyze', ['security', '--offline=yes', `--threshold=${MOST_EXPOSED}`, path])
    const { status, output } = security(file)
    expect(output).toContain('Overall exposure level')
    expect(status).toBe(0)
  })
})

describe('the unit', () => {
  it('lets requests under way finish, and never writes outside its folders', () => {
    expect(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1])).toBeGreaterThan(300)
    for (const line of ['DynamicUser=yes', 'ProtectSystem=strict', 'StateDirectory=signalbox', 'NoNewPrivileges=yes'])
      expect(unit.split('\n')).toContain(line)
  })
})
