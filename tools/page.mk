# The page: to look at it, and to measure it.
LIGHTHOUSE ?= lighthouse@13.5.0

# What the page consists of, compressed: the server sends a twin that is not older than its file. Compressed without a name or a time
# in it, so that it is the same each time.
TWINS := $(patsubst %,%.gz,$(wildcard www/*.js www/*.css www/*.svg))

.PHONY: contact-sheet lighthouse pictures twins

all run asan test-http test-browser contact-sheet lighthouse: twins

twins: $(TWINS)

www/%.gz: www/%
	@mkdir -p $(BUILD)/twins && gzip -9 -n -c $< >$(BUILD)/twins/$(@F) && mv $(BUILD)/twins/$(@F) $@

pictures: setup-test ## draws the pixels of www/ anew, from its logo
	@node tests/browser/pictures.mjs

contact-sheet: setup-test $(DEPLOYER) ## every state of the page in one sheet; STATES=pattern LANGUAGES=ar shoot fewer
	@DEPLOYER=$(abspath $(DEPLOYER)) node tests/browser/contact_sheet.mjs $(BUILD)/contact-sheet

lighthouse: setup-test $(DEPLOYER) ## Lighthouse's marks for the page on a phone; gets Lighthouse by npm
	@DEPLOYER=$(abspath $(DEPLOYER)) LIGHTHOUSE=$(LIGHTHOUSE) node tests/browser/lighthouse.mjs $(BUILD)/lighthouse
