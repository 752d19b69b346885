# The web page: compressed files, images, the vendored library, screenshots and measurements.
LIGHTHOUSE ?= lighthouse@13.5.0
QR_LIBRARY := lean-qr@2.7.4

# www/FILE.gz is sent instead of FILE while it is not older. -n omits the name and time, so that the
# output depends on the content only.
PRECOMPRESSED := $(patsubst %,%.gz,$(wildcard www/*.js www/*.css www/*.svg))

.PHONY: contact-sheet lighthouse pictures precompressed vendor

all run asan test-http test-browser test-long contact-sheet lighthouse: precompressed

precompressed: $(PRECOMPRESSED)

www/%.gz: www/%
	@mkdir -p $(BUILD)/precompressed
	@gzip -9 -n -c $< >$(BUILD)/precompressed/$(@F)
	@mv $(BUILD)/precompressed/$(@F) $@

vendor: ## fetch the QR code library of the page from npm into www/
	@mkdir -p $(BUILD)/vendor
	@cd $(BUILD)/vendor && npm pack --silent $(QR_LIBRARY) >/dev/null && tar xzf lean-qr-*.tgz
	@{ printf '/* %s (nano), %s, MIT License,\n' $(QR_LIBRARY) \
	    "$$(grep -i '^copyright' $(BUILD)/vendor/package/LICENSE)"; \
	  printf '   https://github.com/davidje13/lean-qr. Copied from npm by "make vendor". */\n'; \
	  cat $(BUILD)/vendor/package/nano.mjs; } >www/lean-qr.js

pictures: setup-test ## draw the images of www/ from its logo
	@node tests/browser/pictures.mjs

contact-sheet: setup-test $(DEPLOYER) ## shoot every state of the page; SCENES=pattern LANGUAGES=ar
	@DEPLOYER=$(abspath $(DEPLOYER)) node tests/browser/contact_sheet.mjs $(BUILD)/contact-sheet

lighthouse: setup-test $(DEPLOYER) ## measure the page with Lighthouse, fetched from npm
	@DEPLOYER=$(abspath $(DEPLOYER)) LIGHTHOUSE=$(LIGHTHOUSE) \
	  node tests/browser/lighthouse.mjs $(BUILD)/lighthouse
