#include "api_json.h"
#include "mem.h"
#include <lauxlib.h>
#include <math.h>

enum { MAX_DEPTH = 100, KEPT = 1 << 16 };

static void write_value(lua_State *L, struct api_json_buffer *b, int index, int depth);

struct api_json_buffer *api_json_buffer(void)
{
    static struct api_json_buffer buffer;
    if (buffer.room > KEPT) {
        free(buffer.bytes);
        buffer = (struct api_json_buffer){ .bytes = NULL };
    }
    buffer.len = 0;
    return &buffer;
}

void api_json_add(struct api_json_buffer *b, const char *bytes, size_t len)
{
    if (b->len + len > b->room) {
        b->room = (b->len + len) * 2 + 256;
        b->bytes = mem_grow(b->bytes, b->room, 1);
    }
    if (len) memcpy(b->bytes + b->len, bytes, len);
    b->len += len;
}

static void add_text(struct api_json_buffer *b, const char *text)
{
    api_json_add(b, text, strlen(text));
}

static void write_escape(struct api_json_buffer *b, unsigned char c)
{
    static const char names[] = "\"\\bfnrt", values[] = "\"\\\b\f\n\r\t";
    char text[8] = { '\\' };
    const char *found = c ? strchr(values, c) : NULL;
    if (found)
        text[1] = names[found - values];
    else
        snprintf(text, sizeof text, "\\u%04x", c);
    add_text(b, text);
}

static void write_string(struct api_json_buffer *b, const char *text, size_t len)
{
    const char *end = text + len, *from = text;
    api_json_add(b, "\"", 1);
    while (text < end) {
        unsigned char c = (unsigned char)*text;
        size_t n = c < 0x80 ? 1 : api_json_utf8(text, end);
        if (n && c >= 0x20 && c != '"' && c != '\\' && c != 0x7f) {
            text += n;
            continue;
        }
        api_json_add(b, from, (size_t)(text - from));
        if (n)
            write_escape(b, c);
        else
            add_text(b, "\xef\xbf\xbd");
        from = ++text;
    }
    api_json_add(b, from, (size_t)(text - from));
    api_json_add(b, "\"", 1);
}

/* The shortest of two forms that reads back as the same number. */
static void write_number(lua_State *L, struct api_json_buffer *b, int index)
{
    char text[40];
    if (lua_isinteger(L, index)) {
        snprintf(text, sizeof text, "%lld", (long long)lua_tointeger(L, index));
    } else {
        double number = lua_tonumber(L, index);
        if (!isfinite(number)) luaL_error(L, "json.encode: JSON has no word for %s", isnan(number) ? "nan" : "inf");
        snprintf(text, sizeof text, "%.15g", number);
        if (strtod(text, NULL) != number) snprintf(text, sizeof text, "%.17g", number);
    }
    add_text(b, text);
}

/* 1 when json.array() or json.decode() said so. */
static int is_marked(lua_State *L, int index)
{
    if (!lua_getmetatable(L, index)) return 0;
    luaL_getmetatable(L, API_JSON_ARRAY);
    int same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return same;
}

/* How long the list is; -1 when it is an object. */
static lua_Integer list_length(lua_State *L, int index)
{
    int marked = is_marked(L, index);
    lua_Integer count = 0, highest = 0;
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        if (!lua_isinteger(L, -2)) {
            if (count || marked) luaL_error(L, "json.encode: a table with both a list and named fields");
            lua_pop(L, 2);
            return -1;
        }
        count++;
        if (lua_tointeger(L, -2) > highest) highest = lua_tointeger(L, -2);
        if (lua_tointeger(L, -2) < 1) luaL_error(L, "json.encode: a list begins at 1, not at %I", lua_tointeger(L, -2));
    }
    if (highest != count) luaL_error(L, "json.encode: a list with a hole (use json.null)");
    return count || marked ? count : -1;
}

static void write_list(lua_State *L, struct api_json_buffer *b, int index, lua_Integer n, int depth)
{
    api_json_add(b, "[", 1);
    for (lua_Integer i = 1; i <= n; i++) {
        if (i > 1) api_json_add(b, ",", 1);
        lua_rawgeti(L, index, i);
        write_value(L, b, lua_gettop(L), depth);
        lua_pop(L, 1);
    }
    api_json_add(b, "]", 1);
}

static void write_object(lua_State *L, struct api_json_buffer *b, int index, int depth)
{
    size_t len;
    int first = 1;
    api_json_add(b, "{", 1);
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING) luaL_error(L, "json.encode: a field name that is a %s", luaL_typename(L, -2));
        const char *key = lua_tolstring(L, -2, &len);
        if (!first) api_json_add(b, ",", 1);
        first = 0;
        write_string(b, key, len);
        api_json_add(b, ":", 1);
        write_value(L, b, lua_gettop(L), depth);
    }
    api_json_add(b, "}", 1);
}

static void write_table(lua_State *L, struct api_json_buffer *b, int index, int depth)
{
    if (depth > MAX_DEPTH) luaL_error(L, "json.encode: nested too deep, or in a circle");
    luaL_checkstack(L, 8, "JSON");
    lua_Integer n = list_length(L, index);
    if (n >= 0)
        write_list(L, b, index, n, depth);
    else
        write_object(L, b, index, depth);
}

static void write_value(lua_State *L, struct api_json_buffer *b, int index, int depth)
{
    size_t len;
    const char *text;
    switch (lua_type(L, index)) {
    case LUA_TSTRING:
        text = lua_tolstring(L, index, &len);
        write_string(b, text, len);
        break;
    case LUA_TNUMBER:
        write_number(L, b, index);
        break;
    case LUA_TBOOLEAN:
        add_text(b, lua_toboolean(L, index) ? "true" : "false");
        break;
    case LUA_TTABLE:
        write_table(L, b, index, depth + 1);
        break;
    case LUA_TLIGHTUSERDATA:
        if (!lua_touserdata(L, index)) {
            add_text(b, "null");
            break;
        }
        /* fall through */
    default:
        luaL_error(L, "json.encode: JSON has no word for a %s", luaL_typename(L, index));
    }
}

void api_json_push(lua_State *L, int index)
{
    struct api_json_buffer *b = api_json_buffer();
    luaL_checkstack(L, 4, "JSON");
    write_value(L, b, lua_absindex(L, index), 0);
    lua_pushlstring(L, b->bytes, b->len);
}
