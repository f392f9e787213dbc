/**
 * How the reader calls Signalbox, for hints that name a command: in a checkout through npm, in the published package, which is
 * JavaScript, by its own name.
 */
export const calledAs = (module: string): { readonly command: string; readonly serve: string } =>
  module.endsWith('.ts')
    ? { command: 'npm run signalbox --', serve: 'npm start' }
    : { command: 'signalbox', serve: 'signalbox serve' }

export const CALLED = calledAs(import.meta.url)
