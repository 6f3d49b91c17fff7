import threading
from configparser import ConfigParser, DuplicateSectionError


def scenario_two_plugins_register():
    config = ConfigParser()

    def register(name):
        try:
            config.add_section("plugins")
        except DuplicateSectionError:
            pass
        config.set("plugins", name, "on")

    threads = [threading.Thread(target=register, args=(name,)) for name in ("spelling", "grammar")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(config["plugins"]) == ["grammar", "spelling"], sorted(config["plugins"])
