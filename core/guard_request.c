#include "guard_request.h"
#include "http_text.h"
#include "mem.h"

#include <strings.h>

enum { TEXT_ROOM = 256 /* most heads fit */ };

struct guard_request *guard_request_new(void)
{
    struct guard_request *request = mem_new(1, sizeof *request);
    request->method = "GET";
    request->text.data = mem_grow(NULL, TEXT_ROOM, 1);
    request->text.room = TEXT_ROOM;
    bytes_add(&request->text, "/", 2);
    request->query = 1;
    return request;
}

void guard_request_free(struct guard_request *request)
{
    if (!request) return;
    bytes_free(&request->text);
    free(request->fields);
    free(request);
}

const char *guard_request_text(const struct guard_request *request, uint32_t offset)
{
    return request->text.data + offset;
}

static struct guard_field *find(const struct guard_request *request, const char *name)
{
    for (uint32_t i = 0; i < request->nfields; i++)
        if (strcmp(guard_request_text(request, request->fields[i].name), name) == 0)
            return &request->fields[i];
    return NULL;
}

const char *guard_request_field(const struct guard_request *request, const char *name)
{
    const struct guard_field *field = find(request, name);
    return field ? guard_request_text(request, field->value) : NULL;
}

/* Puts the separator and the last value behind the field's value, in the place of its NUL, and
 * removes the last line from its own place. */
static void join(struct guard_request *request, struct guard_field *field, uint32_t name,
                 uint32_t value)
{
    const char *separator = strcmp(guard_request_text(request, name), "cookie") == 0 ? "; " : ", ";
    char *added = mem_printf("%s%s", separator, guard_request_text(request, value));
    uint32_t len = (uint32_t)strlen(added);
    uint32_t end = field->value + (uint32_t)strlen(guard_request_text(request, field->value));
    request->text.len = name;
    bytes_add(&request->text, added, len); /* makes the room */
    memmove(request->text.data + end + len, request->text.data + end, name - end);
    memcpy(request->text.data + end, added, len);
    for (uint32_t i = 0; i < request->nfields; i++) {
        if (request->fields[i].name <= field->value) continue;
        request->fields[i].name += len;
        request->fields[i].value += len;
    }
    free(added);
}

void guard_request_add_field(struct guard_request *request, uint32_t name, uint32_t value)
{
    struct guard_field *same = find(request, guard_request_text(request, name));
    if (same) {
        join(request, same, name, value);
        return;
    }
    uint32_t n = request->nfields++;
    if (n % 8 == 0) request->fields = mem_grow(request->fields, n + 8, sizeof *request->fields);
    request->fields[n] = (struct guard_field){ name, value };
}

/* Moves the authority of an absolute target to the front of the text. Returns the offset of what
 * follows it; 0 when the target is not an http(s) URL with a valid host. */
static uint32_t split_authority(struct guard_request *request)
{
    char *target = request->text.data;
    size_t scheme = 0;
    if (strncasecmp(target, "http://", 7) == 0) scheme = 7;
    if (strncasecmp(target, "https://", 8) == 0) scheme = 8;
    if (scheme == 0) return 0;
    size_t len = strcspn(target + scheme, "/?");
    if (!http_is_authority(target + scheme, len)) return 0;
    memmove(target, target + scheme, len);
    target[len] = '\0';
    request->is_absolute = 1;
    return (uint32_t)(scheme + len);
}

int guard_request_split_target(struct guard_request *request)
{
    const char *target = request->text.data;
    int is_star = strcmp(target, "*") == 0 && strcmp(request->method, "OPTIONS") == 0;
    request->path = is_star || *target == '/' ? 0 : split_authority(request);
    if (!is_star && *target != '/' && !request->is_absolute) return -1;
    const char *path = target + request->path;
    if (path[0] == '/' && path[1] == '/') return -1;
    uint32_t path_len = (uint32_t)strcspn(path, "?");
    request->query = request->path + path_len + (path[path_len] == '?');
    request->text.data[request->path + path_len] = '\0';
    if (path_len > 0) return 0;
    request->path = (uint32_t)request->text.len;
    bytes_add(&request->text, "/", 2);
    return 0;
}
