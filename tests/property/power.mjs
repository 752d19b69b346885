// power: ends the portal and starts it again, on demand and when it dies at a commit that it was told to die at. One thing at a time.
import { seconds, until } from '../http/harness.mjs'

const DIED = 137 // of the portal that came to the commit in DEPLOYER_CRASH_AT

export class Power {
  constructor(portal, wrong) {
    Object.assign(this, { portal, wrong, crashes: [], armed: false, ending: false, up: true })
    this.turn = Promise.resolve()
    this.#watch()
  }

  #next(act) { return (this.turn = this.turn.then(act, act)) }

  // Whoever ends unasked died at its commit, or there is something wrong with it.
  #watch() {
    this.portal.gone.then((end) => {
      if (this.ending) return
      if (!this.armed || end.code !== DIED) this.wrong(`the portal ended by itself: ${JSON.stringify(end)}\n${this.portal.tail()}`)
      this.#note()
      this.#next(() => this.#start())
    })
  }

  #note() {
    this.crashes.push(Date.now() / 1000)
    this.up = false
  }

  async #start(crash) {
    this.armed = crash !== undefined
    this.ending = false
    try {
      await this.portal.restart({ DEPLOYER_CRASH_AT: crash })
    } catch (error) {
      if (!this.armed || this.portal.ended?.code !== DIED) throw error
      this.#note()
      return this.#start() // it died before it listened
    }
    this.up = true
    this.#watch()
  }

  async #end(signal) {
    if (this.portal.ended) return
    this.ending = true
    this.#note()
    this.portal.child.kill(signal)
    const late = setTimeout(() => this.wrong(`no end after ${signal}\n${this.portal.tail()}`) ?? this.portal.child.kill('SIGKILL'), seconds(20))
    const { code } = await this.portal.gone
    clearTimeout(late)
    if (signal === 'SIGTERM' && code !== 0 && !(this.armed && code === DIED)) this.wrong(`SIGTERM ended it with ${code}\n${this.portal.tail()}`)
  }

  // `crash`: "COMMIT:before" or "COMMIT:after".
  again(signal, crash) { return this.#next(async () => { await this.#end(signal); await this.#start(crash) }) }

  disarm() { return this.armed ? this.again('SIGKILL') : this.turn }

  reload() {
    return this.#next(async () => {
      if (this.portal.ended) return
      const from = this.portal.log.length
      const loaded = this.portal.logged((line) => line.event === 'scripts.loaded', 'the reload', { from })
      this.portal.child.kill('SIGHUP')
      await Promise.race([loaded, this.portal.gone])
      loaded.catch(() => {}) // it may have come to its commit
    })
  }

  // What a client does whose connection broke: comes back when the portal is there again. `before`: how often it had ended when he asked.
  async back(before) {
    await until(() => this.crashes.length > before || !this.up, 'a connection was cut, and the portal never ended', seconds(2)).catch((error) => this.wrong(error.message))
    for (let turn; turn !== this.turn;) await (turn = this.turn)
  }
}
