import { expect, it } from 'vitest'
import { CALLED, calledAs } from '#cli/called-as.ts'

it('names the command as the reader can type it', () => {
  expect(calledAs('file:///package/lib/cli/called-as.js')).toEqual({ command: 'signalbox', serve: 'signalbox serve' })
  expect(CALLED).toEqual({ command: 'npm run signalbox --', serve: 'npm start' })
})
