// Ends the portal and starts it again: on request, and when it crashes at an armed commit. One
// thing happens at a time.
import { seconds, until } from '../http/harness.mjs'

const CRASHED = 137 // the exit status at the commit of DEPLOYER_CRASH_AT

export class ProcessControl {
  constructor(portal, wrong) {
    Object.assign(this, { portal, wrong, crashes: [], isArmed: false, isEnding: false, isUp: true })
    this.queue = Promise.resolve()
    this.#watch()
  }

  #next(act) { return (this.queue = this.queue.then(act, act)) }

  // An end that nothing asked for is the armed crash, or a failure.
  #watch() {
    this.portal.gone.then((end) => {
      if (this.isEnding) return
      if (!this.isArmed || end.code !== CRASHED) {
        const text = JSON.stringify(end)
        this.wrong(`the portal ended by itself: ${text}\n${this.portal.tail()}`)
      }
      this.#note()
      // What was queued before this may have started it again by then.
      this.#next(() => (this.portal.ended ? this.#start() : undefined))
    })
  }

  #note() {
    this.crashes.push(Date.now() / 1000)
    this.isUp = false
  }

  async #start(crash) {
    this.isArmed = crash !== undefined
    this.isEnding = false
    try {
      await this.portal.restart({ DEPLOYER_CRASH_AT: crash })
    } catch (error) {
      if (!this.isArmed || this.portal.ended?.code !== CRASHED) throw error
      this.#note()
      return this.#start() // it crashed before it listened
    }
    this.isUp = true
    this.#watch()
  }

  async #end(signal) {
    const { portal } = this
    if (portal.ended) return
    this.isEnding = true
    this.#note()
    portal.child.kill(signal)
    const late = setTimeout(() => {
      this.wrong(`no end after ${signal}\n${portal.tail()}`)
      portal.child.kill('SIGKILL')
    }, seconds(20))
    const { code } = await portal.gone
    clearTimeout(late)
    const isGood = signal !== 'SIGTERM' || code === 0 || (this.isArmed && code === CRASHED)
    if (!isGood) this.wrong(`SIGTERM ended it with ${code}\n${portal.tail()}`)
  }

  // `crash`: "COMMIT:before" or "COMMIT:after", at which the new process crashes.
  restart(signal, crash) {
    return this.#next(async () => {
      await this.#end(signal)
      await this.#start(crash)
    })
  }

  disarm() { return this.isArmed ? this.restart('SIGKILL') : this.queue }

  // Resolves when the scripts are loaded again, or the portal has crashed meanwhile.
  reload() {
    return this.#next(async () => {
      if (this.portal.ended) return
      const from = this.portal.log.length
      this.portal.child.kill('SIGHUP')
      const isLoaded = ({ event }) => event === 'scripts.loaded'
      await this.portal.loggedOrEnded(isLoaded, 'the reload', { from })
    })
  }

  // Waits until the portal is back, after a connection was cut. `crashesBefore`: how many crashes
  // there were when the request was sent.
  async isBack(crashesBefore) {
    const hasEnded = () => this.crashes.length > crashesBefore || !this.isUp
    const what = 'a connection was cut, and the portal never ended'
    await until(hasEnded, what, seconds(2)).catch((error) => this.wrong(error.message))
    for (let last; last !== this.queue;) await (last = this.queue)
  }
}
